// SPDX-License-Identifier: GPL-3.0-or-later
//! Folders and files of the person.
//!
//! In: a path to look into, a name in it. Out: what is there, and an open file. What is handed over is
//! opened inside the folder that was shown, never by a path again, follows no link, and is what was shown.

use crate::view::chooser::{self, Entry, Wanted};
use cofferdam_kit::guarded::{GuardError, Guarded};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// Things that are shown of one folder.
const MOST: usize = 5_000;
/// Names that are tried for a file which makes room for a new one.
const MOST_KEPT: u32 = 100;

/// Why something can't be handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The kernel says no.
    #[error("{}", words(*.0))]
    System(#[from] Errno),
    /// It has become something else since it was shown.
    #[error("It has changed since it was shown. Look again.")]
    Changed,
    /// A name that no file can have.
    #[error("{0}")]
    Name(&'static str),
    /// It is nothing for apps.
    #[error(transparent)]
    Guarded(#[from] GuardError),
}

fn words(errno: Errno) -> String {
    match errno {
        Errno::ACCESS | Errno::PERM => "You are not allowed to open it.".to_owned(),
        Errno::NOENT => "It is not there any more.".to_owned(),
        Errno::EXIST => "There is something of that name already. Choose another name.".to_owned(),
        Errno::LOOP => "It is a link, and links are not handed over.".to_owned(),
        Errno::ROFS => "Nothing can be written there.".to_owned(),
        Errno::NOSPC => "There is no room left.".to_owned(),
        other => format!("It can't be opened: {other}."),
    }
}

/// What something was when it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

#[derive(Debug)]
struct Known {
    raw: CString,
    identity: Identity,
}

/// A file whose name a new one is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The name.
    pub name: String,
    /// The name under which the old file stays.
    pub kept: String,
    identity: Identity,
    /// Who may do what with it; the new one is no more open than that.
    mode: Mode,
}

/// A folder that is being looked at.
#[derive(Debug)]
pub struct Folder {
    directory: OwnedFd,
    path: PathBuf,
    /// What is in it, in order.
    pub entries: Vec<Entry>,
    known: Vec<Known>,
    guarded: Guarded,
    /// There was more than is shown.
    pub cut: bool,
}

impl Folder {
    /// Looks into a folder.
    ///
    /// # Errors
    /// If it is none, or is not ours to see.
    pub fn open(path: &Path, wanted: Wanted, hidden: bool) -> Result<Self, FileError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())?;
        let mut found = Vec::new();
        let mut cut = false;
        for item in Dir::read_from(&directory)? {
            let item = item?;
            let raw = item.file_name();
            if matches!(raw.to_bytes(), b"." | b"..") {
                continue;
            }
            if found.len() == MOST {
                cut = true;
                break;
            }
            // Gone between the two calls: then it is not there.
            let Some((entry, known)) = look_at(&directory, raw) else { continue };
            let useful = entry.folder || wanted != Wanted::Folder;
            if useful && chooser::is_visible(&entry, hidden) {
                found.push((entry, known));
            }
        }
        found.sort_by(|(a, _), (b, _)| chooser::order(a, b));
        let (entries, known) = found.into_iter().unzip();
        Ok(Self { directory, path: path.to_owned(), entries, known, guarded: Guarded::here(), cut })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry that can be entered.
    #[must_use]
    pub fn path_of(&self, index: usize) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;
        let raw = &self.known.get(index)?.raw;
        Some(self.path.join(std::ffi::OsStr::from_bytes(raw.to_bytes())))
    }

    /// Opens an entry to hand it over.
    ///
    /// # Errors
    /// If it is a link, has changed, can't be opened that way, or is nothing for apps.
    pub fn hand_over(&self, index: usize, write: bool) -> Result<OwnedFd, FileError> {
        let (Some(entry), Some(known)) = (self.entries.get(index), self.known.get(index)) else {
            return Err(FileError::Changed);
        };
        let mode = match (entry.folder, write) {
            (true, _) => OFlags::RDONLY | OFlags::DIRECTORY,
            (false, false) => OFlags::RDONLY,
            (false, true) => OFlags::RDWR,
        };
        // Not blocking: a pipe put in its place must not stop us.
        let flags = mode | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, &known.raw, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        let wanted = if entry.folder { FileType::Directory } else { FileType::RegularFile };
        if FileType::from_raw_mode(stat.st_mode) != wanted || Identity::of(&stat) != known.identity {
            return Err(FileError::Changed);
        }
        self.guarded.check(&file)?;
        Ok(file)
    }

    /// Opens the folder itself.
    ///
    /// # Errors
    /// If it can't be opened again, or is nothing for apps.
    pub fn hand_over_itself(&self) -> Result<OwnedFd, FileError> {
        self.guarded.check(&self.directory)?;
        Ok(self.directory.as_fd().try_clone_to_owned().map_err(|_full| Errno::MFILE)?)
    }

    /// Makes a new file; nothing that exists is touched.
    ///
    /// # Errors
    /// If there is something of that name, or nothing can be written here.
    pub fn create(&self, name: &str) -> Result<OwnedFd, FileError> {
        self.create_with(name, Mode::from_raw_mode(0o644))
    }

    fn create_with(&self, name: &str, mode: Mode) -> Result<OwnedFd, FileError> {
        chooser::new_name(name).map_err(FileError::Name)?;
        self.guarded.check_place(&self.directory)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.directory, name, flags, mode)?)
    }

    /// Looks at a file that a new one of its name could replace.
    ///
    /// # Errors
    /// If it is no file, or nothing for apps, or no name is left for it.
    pub fn replaceable(&self, name: &str) -> Result<Replacement, FileError> {
        chooser::new_name(name).map_err(FileError::Name)?;
        // What is hidden is mostly read by programs of this computer, and nothing that an app should replace.
        let hidden = |part: &std::ffi::OsStr| part.as_encoded_bytes().starts_with(b".");
        if name.starts_with('.') || self.path.components().any(|part| hidden(part.as_os_str())) {
            return Err(Errno::EXIST.into());
        }
        let (identity, mode) = self.identity_of(name)?;
        let names = (1..=MOST_KEPT).map(|n| if n == 1 { format!("{name}~") } else { format!("{name}~{n}") });
        let is_free = |kept: &String| {
            let there = rustix::fs::statat(&self.directory, kept, AtFlags::SYMLINK_NOFOLLOW);
            there.err() == Some(Errno::NOENT)
        };
        let kept = { names }.find(is_free).ok_or(Errno::EXIST)?;
        Ok(Replacement { name: name.to_owned(), kept, identity, mode })
    }

    /// Makes a new file where another was. The other one stays as it is, under its new name: whatever becomes
    /// of what the app writes, nothing is lost.
    ///
    /// # Errors
    /// If it is not the file that was looked at, or nothing can be written here. Then all is as it was, unless
    /// somebody took the name meanwhile: then the old file keeps its other name.
    pub fn replace(&self, old: &Replacement) -> Result<OwnedFd, FileError> {
        let Replacement { name, kept, identity, mode } = old;
        self.guarded.check_place(&self.directory)?;
        if self.identity_of(name)?.0 != *identity {
            return Err(FileError::Changed);
        }
        let rename = |from: &str, to: &str| {
            rustix::fs::renameat_with(&self.directory, from, &self.directory, to, RenameFlags::NOREPLACE)
        };
        rename(name, kept)?;
        self.create_with(name, *mode).inspect_err(|_| {
            if let Err(error) = rename(kept, name) {
                tracing::warn!(%error, "a file that was to be replaced keeps its other name");
            }
        })
    }

    /// The file of this name, if it is one that could be handed over.
    fn identity_of(&self, name: &str) -> Result<(Identity, Mode), FileError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FileError::Name("There is something of that name that is no file."));
        }
        self.guarded.check(&file)?;
        Ok((Identity::of(&stat), Mode::from_raw_mode(stat.st_mode & 0o666)))
    }
}

fn look_at(directory: &OwnedFd, raw: &CStr) -> Option<(Entry, Known)> {
    let stat = rustix::fs::statat(directory, raw, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let link = kind == FileType::Symlink;
    let behind = if link { rustix::fs::statat(directory, raw, AtFlags::empty()).ok()? } else { stat };
    let folder = match FileType::from_raw_mode(behind.st_mode) {
        FileType::Directory => true,
        FileType::RegularFile => false,
        // Devices, sockets and pipes are nothing to hand over.
        _ => return None,
    };
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let entry = Entry {
        name: raw.to_string_lossy().into_owned(),
        folder,
        link,
        size: u64::try_from(behind.st_size).unwrap_or(0),
        modified: seconds.saturating_mul(1000),
    };
    Some((entry, Known { raw: raw.to_owned(), identity: Identity::of(&stat) }))
}

/// Where people keep things: those of the usual folders that exist, home first.
#[must_use]
pub fn places(home: &Path) -> Vec<(String, PathBuf)> {
    let usual = ["Desktop", "Documents", "Downloads", "Music", "Pictures", "Videos"];
    let mut places = vec![("Home".to_owned(), home.to_owned())];
    places.extend(usual.iter().map(|n| ((*n).to_owned(), home.join(n))).filter(|(_, p)| p.is_dir()));
    let media = [("/media", "Media"), ("/mnt", "Mounts")];
    places.extend(
        media
            .iter()
            .map(|(p, n)| ((*n).to_owned(), PathBuf::from(p)))
            .filter(|(_, p)| std::fs::read_dir(p).is_ok_and(|mut entries| entries.next().is_some())),
    );
    places.push(("Computer".to_owned(), PathBuf::from("/")));
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn index(folder: &Folder, name: &str) -> usize {
        folder.entries.iter().position(|e| e.name == name).unwrap()
    }

    fn room() -> tempfile::TempDir {
        let room = tempfile::Builder::new().prefix("room").tempdir().unwrap();
        std::fs::write(room.path().join("b.txt"), "bee").unwrap();
        std::fs::write(room.path().join(".secret"), "no").unwrap();
        std::fs::create_dir(room.path().join("folder")).unwrap();
        symlink("b.txt", room.path().join("link.txt")).unwrap();
        symlink("folder", room.path().join("to-folder")).unwrap();
        symlink("nowhere", room.path().join("broken")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, room.path().join("pipe"), Mode::RUSR).unwrap();
        room
    }

    #[test]
    fn what_is_there() {
        let room = room();
        let names = |wanted, hidden| -> Vec<String> {
            let folder = Folder::open(room.path(), wanted, hidden).unwrap();
            folder.entries.iter().map(|e| e.name.clone()).collect()
        };
        assert_eq!(names(Wanted::File, false), ["folder", "to-folder", "b.txt", "link.txt"]);
        assert_eq!(names(Wanted::File, true), ["folder", "to-folder", ".secret", "b.txt", "link.txt"]);
        assert_eq!(names(Wanted::Folder, false), ["folder", "to-folder"]);
        assert!(Folder::open(&room.path().join("b.txt"), Wanted::File, false).is_err());
    }

    #[test]
    fn exactly_what_was_shown_is_handed_over() {
        let room = room();
        let folder = Folder::open(room.path(), Wanted::File, false).unwrap();
        let file = folder.hand_over(index(&folder, "b.txt"), false).unwrap();
        let mut text = String::new();
        std::fs::File::from(file.try_clone().unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "bee");
        assert!(std::fs::File::from(file).write_all(b"x").is_err(), "reading is only reading");
        let file = folder.hand_over(index(&folder, "b.txt"), true).unwrap();
        std::fs::File::from(file).write_all(b"B").unwrap();
        let link = folder.hand_over(index(&folder, "link.txt"), false);
        assert!(matches!(link, Err(FileError::System(Errno::LOOP))), "{link:?}");
        assert!(folder.hand_over(index(&folder, "folder"), false).is_ok());
        assert!(folder.hand_over(99, false).is_err());
    }

    #[test]
    fn a_home_and_the_desktops_own_are_not_handed_over() {
        let room = room();
        let look = |path: &Path| {
            let mut folder = Folder::open(path, Wanted::Folder, true).unwrap();
            folder.guarded = Guarded::new(Some(room.path().to_owned()), vec![room.path().join("folder")]);
            folder
        };
        let home = look(room.path());
        let refused = |given: Result<OwnedFd, FileError>| matches!(given, Err(FileError::Guarded(_)));
        assert!(refused(home.hand_over_itself()), "without a choice, the folder itself is meant");
        assert!(refused(home.hand_over(index(&home, "folder"), false)));
        assert!(refused(look(&room.path().join("folder")).create("new.txt")));
        assert!(!room.path().join("folder/new.txt").exists());
        home.create("new.txt").unwrap();
        std::fs::create_dir(room.path().join("other")).unwrap();
        let home = look(room.path());
        home.hand_over(index(&home, "other"), true).unwrap();
        look(&room.path().join("other")).hand_over_itself().unwrap();
    }

    #[test]
    fn what_was_put_in_its_place_is_not() {
        let room = room();
        let folder = Folder::open(room.path(), Wanted::File, false).unwrap();
        let b = index(&folder, "b.txt");
        // Kept beside it, so that the new file can't have the old one's number.
        std::fs::rename(room.path().join("b.txt"), room.path().join("old")).unwrap();
        std::fs::write(room.path().join("b.txt"), "another").unwrap();
        assert!(matches!(folder.hand_over(b, false), Err(FileError::Changed)));
        std::fs::remove_file(room.path().join("b.txt")).unwrap();
        symlink("/etc/passwd", room.path().join("b.txt")).unwrap();
        assert!(folder.hand_over(b, false).is_err());
        std::fs::remove_file(room.path().join("b.txt")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, room.path().join("b.txt"), Mode::RUSR).unwrap();
        assert!(matches!(folder.hand_over(b, false), Err(FileError::Changed)));
    }

    #[test]
    fn a_new_file_is_new() {
        let room = room();
        let folder = Folder::open(room.path(), Wanted::NewFile, false).unwrap();
        let mut file = std::fs::File::from(folder.create("new.txt").unwrap());
        file.write_all(b"hello").unwrap();
        assert_eq!(std::fs::read(room.path().join("new.txt")).unwrap(), b"hello");
        for taken in ["b.txt", "link.txt", "broken", "folder"] {
            assert!(matches!(folder.create(taken), Err(FileError::System(Errno::EXIST))), "{taken}");
        }
        assert!(matches!(folder.create("../out"), Err(FileError::Name(_))));
    }

    #[test]
    fn what_is_replaced_stays_under_another_name() {
        let room = room();
        let read = |name: &str| std::fs::read_to_string(room.path().join(name)).unwrap();
        let folder = Folder::open(room.path(), Wanted::NewFile, false).unwrap();
        for (old, kept, text) in [("bee", "b.txt~", "first"), ("first", "b.txt~2", "second")] {
            let replacement = folder.replaceable("b.txt").unwrap();
            assert_eq!(replacement.kept, kept);
            let mut file = std::fs::File::from(folder.replace(&replacement).unwrap());
            assert_eq!((read("b.txt").as_str(), read(kept).as_str()), ("", old), "before a byte is written");
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(read("b.txt"), text);
        }
        assert_eq!(read("b.txt~"), "bee");
        // What only the person could read stays so.
        let mode =
            |name: &str| std::fs::metadata(room.path().join(name)).unwrap().permissions().mode() & 0o777;
        std::fs::set_permissions(room.path().join("b.txt"), std::fs::Permissions::from_mode(0o600)).unwrap();
        folder.replace(&folder.replaceable("b.txt").unwrap()).unwrap();
        assert_eq!((mode("b.txt"), mode("b.txt~3")), (0o600, 0o600));
        // What is in a hidden folder is not for apps to replace.
        std::fs::create_dir(room.path().join(".config")).unwrap();
        std::fs::write(room.path().join(".config/startup"), "old").unwrap();
        let hidden = Folder::open(&room.path().join(".config"), Wanted::NewFile, true).unwrap();
        assert!(hidden.replaceable("startup").is_err());
    }

    #[test]
    fn only_the_file_that_was_looked_at_is_replaced() {
        let room = room();
        let folder = Folder::open(room.path(), Wanted::NewFile, false).unwrap();
        for other in [".secret", "link.txt", "broken", "folder", "pipe", "nothing", "../b.txt"] {
            assert!(folder.replaceable(other).is_err(), "{other}");
        }
        let replacement = folder.replaceable("b.txt").unwrap();
        std::fs::rename(room.path().join("b.txt"), room.path().join("old")).unwrap();
        std::fs::write(room.path().join("b.txt"), "another").unwrap();
        assert!(matches!(folder.replace(&replacement), Err(FileError::Changed)));
        assert_eq!(std::fs::read_to_string(room.path().join("b.txt")).unwrap(), "another");
        // The name for the old one was taken meanwhile: neither of the two is lost.
        let replacement = folder.replaceable("b.txt").unwrap();
        std::fs::write(room.path().join("b.txt~"), "taken").unwrap();
        assert!(folder.replace(&replacement).is_err());
        assert_eq!(std::fs::read_to_string(room.path().join("b.txt")).unwrap(), "another");
        assert_eq!(std::fs::read_to_string(room.path().join("b.txt~")).unwrap(), "taken");
    }
}
