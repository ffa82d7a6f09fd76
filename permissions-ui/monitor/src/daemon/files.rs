// SPDX-License-Identifier: GPL-3.0-or-later
//! Files that the chooser hands over. In: a descriptor, a name, and what it is said to be. Out: what it
//! really is, or why it is not handed on.

use cofferdam_ids::Label;
use rustix::fs::{FileType, OFlags};
use std::os::fd::{AsFd, OwnedFd};

/// Why a file is not handed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// The kernel does not know it.
    #[error("the file can't be looked at: {0}")]
    System(#[from] rustix::io::Errno),
    /// It is a device, a socket, a pipe, a link.
    #[error("only files and folders can be handed over")]
    Kind,
    /// It was only named, not opened.
    #[error("the file is not open")]
    Path,
    /// It can be written to, though it was said to be for reading.
    #[error("the file is open for writing, but only reading was chosen")]
    Writable,
    /// It can't be written to, though it was said to be for writing.
    #[error("the file is open for reading only, but writing was chosen")]
    ReadOnly,
}

/// What a file is: whether it is a folder.
pub(super) fn check(file: &OwnedFd, write: bool) -> Result<bool, FileError> {
    let folder = match FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode) {
        FileType::RegularFile => false,
        FileType::Directory => true,
        _ => return Err(FileError::Kind),
    };
    let flags = rustix::fs::fcntl_getfl(file.as_fd())?;
    if flags.contains(OFlags::PATH) {
        return Err(FileError::Path);
    }
    // A folder is always open for reading; what may be done in it is for its server to say.
    match flags & OFlags::RWMODE {
        _ if folder => Ok(true),
        mode if write && mode == OFlags::RDONLY => Err(FileError::ReadOnly),
        mode if !write && mode != OFlags::RDONLY => Err(FileError::Writable),
        _ => Ok(false),
    }
}

/// A file's name without any path.
pub(super) fn name(raw: &str) -> Label {
    let last = raw.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let label = Label::new(last);
    if label.is_empty() || matches!(label.as_str(), "." | "..") { Label::new("file") } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, open};
    use std::fs::File;

    #[test]
    fn only_what_was_chosen_is_handed_on() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("f"), directory.path().join("l"));
        let written: OwnedFd = File::create(&path).unwrap().into();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let flags = |path, flags| open(path, flags, Mode::empty()).unwrap();
        assert!(matches!(check(&flags(&path, OFlags::RDONLY), false), Ok(false)));
        assert!(matches!(check(&flags(&path, OFlags::RDWR), true), Ok(false)));
        assert!(matches!(check(&written, false), Err(FileError::Writable)));
        assert!(matches!(check(&flags(&path, OFlags::RDONLY), true), Err(FileError::ReadOnly)));
        assert!(matches!(check(&flags(&path, OFlags::PATH), false), Err(FileError::Path)));
        let link = flags(&link, OFlags::PATH | OFlags::NOFOLLOW);
        assert!(matches!(check(&link, false), Err(FileError::Kind)));
        let folder = flags(&directory.path().to_owned(), OFlags::RDONLY);
        assert!(matches!(check(&folder, true), Ok(true)));
        let null: OwnedFd = File::open("/dev/null").unwrap().into();
        assert!(matches!(check(&null, false), Err(FileError::Kind)));
        let (socket, _other) = cofferdam_kit::transport::pair().unwrap();
        assert!(matches!(check(&socket, false), Err(FileError::Kind)));
    }

    #[test]
    fn names_have_no_path() {
        for (raw, clean) in
            [("a.txt", "a.txt"), ("/home/x/a.txt", "a.txt"), ("..", "file"), ("", "file"), ("x/", "x")]
        {
            assert_eq!(name(raw).as_str(), clean);
        }
    }
}
