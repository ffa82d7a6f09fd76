// SPDX-License-Identifier: GPL-3.0-or-later
//! Errors of `coffer`: one line each, what failed, why, what to do.

use std::path::PathBuf;

/// What `coffer` can't do for you.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A sentence that is complete already.
    #[error("{0}")]
    Plain(String),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// One of our programs.
    #[error("{} can't be started: {source}; is Cofferdam installed completely?", path.display())]
    Program {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Directories of the desktop.
    #[error(transparent)]
    Paths(#[from] cofferdam_kit::paths::PathsError),
    /// The kernel refused something that it refuses nobody.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The compositor.
    #[error("desktop: {0}")]
    Control(#[from] cofferdam_control::client::ClientError),
    /// Ctrl-C, or SIGTERM.
    #[error("interrupted")]
    Interrupted,
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        // What the launcher says is a sentence for people; the name of the D-Bus error is not.
        match error {
            zbus::Error::FDO(fdo) if matches!(*fdo, zbus::fdo::Error::ServiceUnknown(_)) => {
                Self::Plain("no desktop runs here; start one with `coffer desktop`".to_owned())
            }
            zbus::Error::MethodError(_, Some(text), _) => Self::Plain(text),
            zbus::Error::FDO(fdo) if zbus::DBusError::description(&*fdo).is_some() => {
                Self::Plain(zbus::DBusError::description(&*fdo).unwrap_or_default().to_owned())
            }
            other => Self::Plain(format!("launcher: {other}")),
        }
    }
}

/// For `map_err` on things of the kernel.
pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::System { what, source }
}

/// For `map_err` on files.
pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::File { path: path.into(), source }
}
