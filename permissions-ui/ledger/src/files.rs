// SPDX-License-Identifier: GPL-3.0-or-later
//! Files of a ledger. In: a directory. Out: its lock, and files that appear whole or not at all.

use crate::error::LedgerError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

pub(crate) fn io_error<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> LedgerError + 'a {
    move |source| LedgerError::Io { what, path: path.to_owned(), source }
}

/// Names in a ledger's directory.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

impl Place {
    /// Makes the directory, for nobody but its owner.
    pub(crate) fn make(dir: &Path) -> Result<Self, LedgerError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error("can't be made", dir))?;
        Ok(Self(dir.to_owned()))
    }

    /// The ledger itself.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }

    /// One that is being written to take its place.
    fn fresh(&self) -> PathBuf {
        self.0.join("ledger.new")
    }

    /// The lock; its content says nothing.
    pub(crate) fn lock(&self) -> Result<File, LedgerError> {
        let path = self.0.join("lock");
        let file = options().create(true).open(&path).map_err(io_error("can't be opened", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(LedgerError::InUse(self.0.clone())),
            Err(errno) => Err(io_error("can't be locked", &path)(errno.into())),
        }
    }

    /// Removes what a crash during [`Self::replace`] left.
    pub(crate) fn clear(&self) -> Result<(), LedgerError> {
        let path = self.fresh();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("can't be removed", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Opens the ledger; none if there is none.
    pub(crate) fn open(&self) -> Result<Option<File>, LedgerError> {
        let path = self.ledger();
        match options().open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("can't be opened", &path)(error)),
        }
    }

    /// Puts a file with these bytes in the ledger's place. After an error of the first kind the old one
    /// is still there; after one of the second, either may be after a power cut.
    pub(crate) fn replace(&self, bytes: &[u8]) -> Result<File, ReplaceError> {
        let path = self.fresh();
        let written = options().create_new(true).open(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&path, self.ledger())?;
            Ok(file)
        });
        let file = match written {
            Ok(file) => file,
            Err(error) => {
                if let Err(error) = self.clear() {
                    tracing::warn!(%error, "a file is left over");
                }
                return Err(ReplaceError::Before(error));
            }
        };
        self.sync().map_err(ReplaceError::After)?;
        Ok(file)
    }

    /// Gives the ledger a second name that no other file has; gives that name back.
    pub(crate) fn set_aside(&self) -> io::Result<PathBuf> {
        let mut number = 1_u32;
        loop {
            let aside = self.0.join(format!("ledger.damaged-{number}"));
            match fs::hard_link(self.ledger(), &aside) {
                Ok(()) => {
                    self.sync()?;
                    return Ok(aside);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    number = number.checked_add(1).ok_or(error)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

/// Why a file was not replaced.
#[derive(Debug)]
pub(crate) enum ReplaceError {
    /// Nothing has changed.
    Before(io::Error),
    /// It was replaced, and a power cut may undo that.
    After(io::Error),
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}
