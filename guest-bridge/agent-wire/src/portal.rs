// SPDX-License-Identifier: GPL-3.0-or-later
//! What apps ask for through the portals of their guest, and the files that are handed to them.
//!
//! In and out: plain data inside [`crate::FromGuest`] and [`crate::ToGuest`]. Paths are relative to what was
//! handed over, are made of names and `/`, and are empty for the thing itself; the host checks each one.

use serde::{Deserialize, Serialize};

/// Longest text of a wish, in bytes; the host refuses longer ones.
pub const MAX_TEXT: usize = 4096;
/// Longest path inside something handed over, in bytes.
pub const MAX_PATH: usize = 1024;
/// Most bytes of a file in one message.
pub const MAX_DATA: usize = 32 * 1024;
/// Most entries of a folder in one message.
pub const MAX_ENTRIES: usize = 100;

/// What is to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// One file that exists.
    File,
    /// One folder.
    Folder,
    /// A place for one new file.
    NewFile,
}

/// What an app asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortalWish {
    /// The trusted file chooser.
    ChooseFile {
        /// Title that the app wants.
        title: String,
        /// What is to be chosen.
        kind: FileKind,
        /// Whether it wants to write.
        write: bool,
        /// A name that the app proposes for a new file; no path.
        suggested: String,
    },
    /// Another app is to open this address.
    OpenUri {
        /// The address.
        uri: String,
    },
    /// A notification, in place of an earlier one with the same tag.
    Notify {
        /// Its number, chosen in the guest.
        tag: u64,
        /// Its first line.
        title: String,
        /// The rest.
        body: String,
    },
    /// The screen is to stay on until [`crate::FromGuest::PortalForget`].
    InhibitIdle {
        /// Why.
        reason: String,
    },
    /// A picture of the screen.
    Screenshot,
    /// The notification of this tag is of no use any more.
    Unnotify {
        /// Its number.
        tag: u64,
    },
}

/// What came of a [`PortalWish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortalOutcome {
    /// Done, nothing to hand over.
    Done,
    /// A file or folder that [`crate::FromGuest::File`] may name from now on.
    File {
        /// Its number; never used again in this run.
        file: u32,
        /// Its name, without any path.
        name: String,
        /// A folder, or a file.
        folder: bool,
        /// Whether it may be written.
        writable: bool,
    },
    /// No; the app sees a cancelled dialog.
    Denied,
}

/// What is done with a file that was handed over, or with one inside a folder that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileOp {
    /// [`FileAnswer::Stat`] of what is there.
    Stat {
        /// Of what.
        path: String,
    },
    /// [`FileAnswer::Entries`] of a folder.
    List {
        /// Of which.
        path: String,
        /// How many entries to leave out: those already told.
        skip: u32,
    },
    /// Open a file: [`FileAnswer::Opened`].
    Open {
        /// Which.
        path: String,
        /// To write too.
        write: bool,
        /// Make it if it is not there.
        create: bool,
        /// Empty it.
        truncate: bool,
    },
    /// Bytes of an open file: [`FileAnswer::Data`]; fewer than asked for only at its end.
    Read {
        /// From [`FileAnswer::Opened`].
        handle: u32,
        /// From where.
        offset: u64,
        /// How many, at most [`MAX_DATA`].
        len: u32,
    },
    /// Write into an open file.
    Write {
        /// From [`FileAnswer::Opened`].
        handle: u32,
        /// To where.
        offset: u64,
        /// At most [`MAX_DATA`] bytes.
        data: Vec<u8>,
    },
    /// Set the length of a file: [`FileAnswer::Stat`].
    SetLength {
        /// Of which.
        path: String,
        /// The new length.
        len: u64,
    },
    /// See that what was written lasts.
    Sync {
        /// From [`FileAnswer::Opened`].
        handle: u32,
    },
    /// Close an open file.
    Close {
        /// From [`FileAnswer::Opened`].
        handle: u32,
    },
    /// Make a folder: [`FileAnswer::Stat`].
    MakeFolder {
        /// Where.
        path: String,
    },
    /// Remove a file or an empty folder.
    Remove {
        /// Which.
        path: String,
        /// It is a folder.
        folder: bool,
    },
    /// Give something another name inside the same folder that was handed over.
    Rename {
        /// Which.
        from: String,
        /// Its new name.
        to: String,
    },
}

impl FileOp {
    /// Length in bytes of the longest path in it; 0 without one.
    #[must_use]
    pub fn path_len(&self) -> usize {
        match self {
            Self::Stat { path }
            | Self::List { path, .. }
            | Self::Open { path, .. }
            | Self::SetLength { path, .. }
            | Self::MakeFolder { path }
            | Self::Remove { path, .. } => path.len(),
            Self::Rename { from, to } => from.len().max(to.len()),
            Self::Read { .. } | Self::Write { .. } | Self::Sync { .. } | Self::Close { .. } => 0,
        }
    }
}

/// The answer to a [`FileOp`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileAnswer {
    /// Done, nothing to say.
    Done,
    /// What is there.
    Stat(FileStat),
    /// Entries of a folder, at most [`MAX_ENTRIES`].
    Entries {
        /// Names and whether each is a folder.
        entries: Vec<(String, bool)>,
        /// There are more behind these.
        more: bool,
    },
    /// A file is open.
    Opened {
        /// Its number among the open ones.
        handle: u32,
        /// What it is.
        stat: FileStat,
    },
    /// Bytes of a file.
    Data(Vec<u8>),
    /// It can't be done: an `errno` of Linux.
    Failed(u16),
}

/// What is known about a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    /// A folder, or a file; nothing else is ever shown.
    pub folder: bool,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, in seconds since 1970.
    pub modified: i64,
    /// Nanoseconds beyond that.
    pub nanos: u32,
}

/// How the host's desktop looks, for apps that ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appearance {
    /// Dark rather than light.
    pub dark: bool,
    /// High contrast.
    pub contrast: bool,
}
